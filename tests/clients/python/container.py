"""fastavro's reader and writer of container files.

    container.py read FILE             a datum a line, as JSON
    container.py write FROM CODEC TO   the same data in another file
"""

import json
import sys

import fastavro

command, path = sys.argv[1:3]
with open(path, "rb") as file:
    reader = fastavro.reader(file)
    data = list(reader)
    schema = reader.writer_schema
if command == "read":
    for datum in data:
        # Instants are no JSON.
        print(json.dumps(datum, default=str))
else:
    codec, to = sys.argv[3:]
    with open(to, "wb") as file:
        fastavro.writer(file, schema, data, codec=codec)
