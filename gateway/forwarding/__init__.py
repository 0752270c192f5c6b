"""What the gateway changes in a head on its way: fields dropped, fields added, everything else as it came.

Most field lines come again and again, so what becomes of a line is found out once and remembered.
"""
