-- ARGV: 2 id, 3 SHA-256 of the new key, 4 for how long the keys before it stay valid, ms
-- Returns {1, epoch, rev, when those end (ms, text), record}; {0} if there is no such key, {3} if it has
-- expired
local id, digest, overlap_ms = ARGV[2], ARGV[3], tonumber(ARGV[4])
local record = redis.call('HGET', RECORDS, id)
if not record then return {0} end
local over = tonumber(redis.call('ZSCORE', OVER, id) or '')
if over and over <= now then return {3} end
local digests = digests_of(id)
-- A caller that has lost the first answer asks again for the same key.
if digests[1] ~= digest then table.insert(digests, 1, digest) end
for i = 2, #digests do end_at(digests[i], now + overlap_ms) end
while #digests > MOST_DIGESTS do redis.call('ZREM', ENDS, table.remove(digests)) end
redis.call('HSET', DIGESTS, id, table.concat(digests, ' '))
local of_epoch, rev = changed(id)
return {1, of_epoch, rev, integer(now + overlap_ms), record}
