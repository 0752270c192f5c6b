"""Gets certificates from an authority by ACME (RFC 8555), and renews them; gateways of a registry share them."""
