"""Inputs on standard input, one JSON object a line; records on standard output, one a line."""

import json
import sys

from lines import Lines


def main():
    lines = Lines()
    for text in sys.stdin:
        if text.strip():
            for said in lines.feed(json.loads(text)):
                print(json.dumps(said, sort_keys=True))


if __name__ == "__main__":
    main()
