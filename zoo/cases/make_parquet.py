import sys

import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq

values = [float(i) for i in range(20)]
values[3] += float(sys.argv[2])
table = pa.table({"value": values})
if sys.argv[1].endswith(".parquet"):
    pq.write_table(table, sys.argv[1], compression="none", use_dictionary=False)
else:
    pyarrow.feather.write_feather(table, sys.argv[1], compression="uncompressed")
