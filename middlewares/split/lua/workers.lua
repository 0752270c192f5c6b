-- Returns {now, then for each worker that has asked lately: worker, note}, and forgets the others.
-- ARGV: 1 the time that a worker is waited for, ms, 2 a worker that has ended, or ''
local silent_ms = tonumber(ARGV[1])
if ARGV[2] ~= '' then redis.call('HDEL', WORKERS, ARGV[2]) end
local reply = {integer(now)}
for _, worker in ipairs(redis.call('HKEYS', WORKERS)) do
  local at, note = string.match(redis.call('HGET', WORKERS, worker), '^(%d+) (.*)$')
  if at and tonumber(at) >= now - silent_ms then
    reply[#reply + 1] = worker
    reply[#reply + 1] = note
  else
    redis.call('HDEL', WORKERS, worker)
  end
end
return reply
