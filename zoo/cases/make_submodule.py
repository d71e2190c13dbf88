"""A repository with a library, and a commit more that the work tree does not have yet."""
import os
import subprocess
import sys

env = {**os.environ, "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "protocol.file.allow",
       "GIT_CONFIG_VALUE_0": "always"}


def git(*words, cwd):
    subprocess.run(["git", "-c", "user.name=zoo", "-c", "user.email=zoo@example.org", *words],
                   cwd=cwd, check=True, env=env, stdout=subprocess.DEVNULL)


origin = sys.argv[1]
os.makedirs(origin)
git("init", "-q", cwd=origin)
for factor in (2, 3):
    with open(os.path.join(origin, "layer.py"), "w") as f:
        f.write(f"def forward(x):\n    return {factor} * x\n")
    git("add", "layer.py", cwd=origin)
    git("commit", "-qm", f"times {factor}", cwd=origin)
git("submodule", "--quiet", "add", origin, "vendor/layers", cwd=".")
git("checkout", "-q", "HEAD~1", cwd="vendor/layers")
git("add", "vendor/layers", cwd=".")
git("commit", "-qm", "with layers", cwd=".")
