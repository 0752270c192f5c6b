-- Takes the turn to order certificates, if nobody has it. Each turn has a number, which is higher than
-- those before; changes are made with the number (change.lua), so that none is made after the turn.
--
-- KEYS  the lease of the turn, the hash of the state
-- ARGV  the worker, the lease in ms
-- Returns the number of the turn, or 0 where another worker has it.

local function clear_if_no_hash(key)
  local kind = redis.call('TYPE', key)['ok']
  if kind ~= 'hash' and kind ~= 'none' then redis.call('DEL', key) end
end

clear_if_no_hash(KEYS[1])
clear_if_no_hash(KEYS[2])
if redis.call('HEXISTS', KEYS[1], 'number') == 1 then return 0 end
local number = redis.pcall('HINCRBY', KEYS[2], 'turns', 1)
if type(number) ~= 'number' then
  redis.call('HSET', KEYS[2], 'turns', '1')
  number = 1
end
redis.call('HSET', KEYS[1], 'number', string.format('%.0f', number), 'worker', ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return number
