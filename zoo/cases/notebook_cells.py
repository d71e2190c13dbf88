"""What a kernel has executed, as a stand-in for one."""
import sys
import types

cells = ["import notabene as nb", "x = 3.0", "run = nb.init('zoo')", "x = x * 2", "x = x + 1"]
order = [int(n) for n in sys.argv[1].split(",")]


class History:
    input_hist_raw = [""]


class Shell:
    history_manager = History()
    user_ns = {"__session__": "analysis.ipynb"}


sys.modules["IPython"] = types.SimpleNamespace(get_ipython=lambda: Shell)
names = {}
for number in order:
    History.input_hist_raw.append(cells[number])
    exec(compile(cells[number], f"<ipython-input-{number}>", "exec"), names)
names["run"].log({"loss": names["x"]})
names["run"].finish()
