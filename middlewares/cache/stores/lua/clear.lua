-- Forgets everything.
wipe()
return 1
