"""What schemathesis has to be told of this API: lines of JSON as a request body (SCHEMATHESIS_HOOKS)."""

import json

import schemathesis


@schemathesis.serializer('application/x-ndjson')
def lines_of_json(context, value):
    if isinstance(value, (bytes, str)):
        return value if isinstance(value, bytes) else value.encode()
    lines = value if isinstance(value, list) else [value]
    return '\n'.join(json.dumps(line, ensure_ascii=False) for line in lines).encode(errors='replace')
