-- Changes the state of a directory, in the turn of the caller alone.
--
-- KEYS  the lease of the turn, the hash of the state, the hash of the proofs
-- ARGV  the number of the turn, the worker, the lease in ms from now (0: the turn ends),
--       the new version, for how many ms the proofs are kept,
--       how many fields of the state change, then name and value of each, an empty value deletes it;
--       then in the same way the fields of the proofs, without their number
-- Returns 1, or 0 if the turn is over, and then nothing is changed.

if redis.call('TYPE', KEYS[1])['ok'] ~= 'hash'
  or redis.call('HGET', KEYS[1], 'number') ~= ARGV[1]
  or redis.call('HGET', KEYS[1], 'worker') ~= ARGV[2] then return 0 end

local function put(key, from, to)
  local kind = redis.call('TYPE', key)['ok']
  if kind ~= 'hash' and kind ~= 'none' then redis.call('DEL', key) end
  for index = from, to, 2 do
    if ARGV[index + 1] == '' then
      redis.call('HDEL', key, ARGV[index])
    else
      redis.call('HSET', key, ARGV[index], ARGV[index + 1])
    end
  end
end

if #ARGV > 6 then
  local last = 6 + 2 * tonumber(ARGV[6])
  put(KEYS[2], 7, last)
  put(KEYS[3], last + 1, #ARGV)
  redis.call('HSET', KEYS[2], 'version', ARGV[4])
  redis.call('PEXPIRE', KEYS[3], ARGV[5])
end
if ARGV[3] == '0' then
  redis.call('DEL', KEYS[1])
else
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
return 1
