import argparse
import http.client
import json

import notabene as nb

parser = argparse.ArgumentParser()
parser.add_argument("--port", type=int)
args = parser.parse_args()

connection = http.client.HTTPConnection("127.0.0.1", args.port)
connection.request("GET", "/weights.json")
weights = json.loads(connection.getresponse().read())
nb.init("zoo", config=vars(args))
nb.log({"loss": sum(weights)})
nb.finish()
