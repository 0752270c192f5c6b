-- Says how many entries a worker has purged for each of some records.
-- KEYS: for each record: hash  worker -> entries; it is kept as long as somebody may wait for it
-- ARGV: 1 worker, 2 for how long it is kept, ms, 3… entries, for each record
-- Returns how many records
for i, key in ipairs(KEYS) do
  redis.call('HSET', key, ARGV[1], ARGV[i + 2])
  redis.call('PEXPIRE', key, ARGV[2])
end
return #KEYS
