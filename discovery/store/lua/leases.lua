-- When the leases of instances lapse, from which their last heartbeats follow.
-- ARGV: 2… members
-- Returns for each when its lease lapses (ms, text), '' when it is not registered
local leases = {}
for i = 2, #ARGV do
  leases[i - 1] = redis.call('ZSCORE', LEASES, ARGV[i]) or ''
end
return leases
