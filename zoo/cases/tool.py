import subprocess

done = subprocess.run(["featurize", "signal.txt"], capture_output=True, text=True, check=True)
values = [float(x) for x in done.stdout.split()]
print(f"loss={sum(values)}")
