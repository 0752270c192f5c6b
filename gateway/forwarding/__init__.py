"""Changes heads on their way: drops fields, adds fields, passes everything else on as it came."""
