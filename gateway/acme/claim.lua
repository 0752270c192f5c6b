-- Takes the turn to order certificates, if nobody has it. Each turn has a number, which is higher than
-- those before; changes are made with the number (change.lua), so that none is made after the turn.
--
-- KEYS  the lease of the turn, the number of the last turn
-- ARGV  the worker, the lease in ms
-- Returns the number of the turn, or 0 where another worker has it.

if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
local number = redis.pcall('INCR', KEYS[2])
if type(number) ~= 'number' then
  redis.call('SET', KEYS[2], '1')
  number = 1
end
redis.call('SET', KEYS[1], string.format('%.0f', number) .. ' ' .. ARGV[1], 'PX', ARGV[2])
return number
