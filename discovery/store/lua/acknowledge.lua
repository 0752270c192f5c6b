-- Report how many requests a worker still has at draining instances; 0 acknowledges the drain: the
-- worker no longer chooses the instance and holds no connection to it. There is no event, since only
-- the caller that drains reads this. It renews the worker's lease, so that a registration that ends
-- clears the acknowledgements of every worker.
-- ARGV: 2 worker, 3 its lease in ms, then for each instance: member, registered at (ms, as the
--       worker's view has it), requests in flight
-- Returns for each 1, or 0 when that registration does not drain (any more)
local worker, lease_ms = ARGV[2], ARGV[3]
redis.call('ZADD', WORKERS, integer(now + lease_ms), worker)
local taken = {}
for i = 4, #ARGV, 3 do
  local member = ARGV[i]
  local registered_at, _, state = read(member)
  if state == 'draining' and registered_at == ARGV[i + 1] then
    redis.call('HSET', ACKS, worker .. '|' .. member, ARGV[i + 2])
    taken[#taken + 1] = 1
  else
    taken[#taken + 1] = 0
  end
end
return taken
