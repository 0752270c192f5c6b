-- ARGV: 2 id
-- Returns {1, epoch, rev}; {2, epoch, rev} if it is revoked already, {0} if there was never such a key
local id = ARGV[2]
if redis.call('HEXISTS', RECORDS, id) == 0 then
  if redis.call('HEXISTS', DIGESTS, id) == 0 then return {0} end
  return {2, epoch(), integer(revision())}
end
revoke(id)
return {1, changed(id)}
