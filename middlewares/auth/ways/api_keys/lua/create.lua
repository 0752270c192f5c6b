-- ARGV: 2 id, 3 SHA-256 of the key, 4 record, 5 when it expires, ms, or '', 6 most keys
-- Returns {1, epoch, rev}; {0} if there are as many keys as there may be
local id, digest, record, expires_ms, most = ARGV[2], ARGV[3], ARGV[4], ARGV[5], tonumber(ARGV[6])
if redis.call('HEXISTS', RECORDS, id) == 0 and redis.call('HLEN', RECORDS) >= most then return {0} end
redis.call('HSET', RECORDS, id, record)
redis.call('HSET', DIGESTS, id, digest)
if expires_ms ~= '' then redis.call('ZADD', OVER, expires_ms, id) end
return {1, changed(id)}
