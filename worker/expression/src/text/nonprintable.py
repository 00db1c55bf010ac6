"""Writes nonprintable.rs: the code points that repr() escapes. Run with CPython 3.11, whose Unicode is 14.0.

    python3 nonprintable.py > nonprintable.rs
"""

import sys
import unicodedata

assert unicodedata.unidata_version == "14.0.0", unicodedata.unidata_version

ranges = []
for point in range(128, sys.maxunicode + 1):
    if not chr(point).isprintable():
        if ranges and ranges[-1][1] == point - 1:
            ranges[-1][1] = point
        else:
            ranges.append([point, point])

print("//! The code points from U+0080 on that `repr` escapes, by Unicode 14.0.")
print("//!")
print("//! Made by `nonprintable.py`; not to be edited by hand.")
print()
print("/// First and last code points of ranges, in order.")
print("#[rustfmt::skip]")
print('#[expect(clippy::unreadable_literal, reason = "the table is generated")]')
print(f"pub(super) const NONPRINTABLE: [(u32, u32); {len(ranges)}] = [")
line = "   "
for first, last in ranges:
    item = f" (0x{first:x}, 0x{last:x}),"
    if len(line) + len(item) > 110:
        print(line)
        line = "   "
    line += item
print(line)
print("];")
