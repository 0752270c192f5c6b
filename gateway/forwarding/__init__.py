"""Changes heads on their way: drops fields, adds fields, passes everything else on as it came.

Most field lines repeat, so what becomes of a line is found out once and remembered.
"""
