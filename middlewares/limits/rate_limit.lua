-- Decides many asks at once, exactly over any window (middlewares/limits/deciding/counting.py is the twin).
-- An ask has one or several checks, all or nothing: all are counted, then all are charged. Before that a
-- worker may tell what it has spent, what it holds, and what it admitted while it decided alone.
--
-- A check's log is a list of what was charged, oldest first; an entry is "<stamp in us> <count> <total up
-- to this entry>"; stamps are rounded up to the resolution. What is held is a hash: for each worker
-- "<units> <end of its lease in us>".
--
-- KEYS  if a worker is named: the epoch, and the number of the worker's last call; then for each thing
--       told its log and its hash; then for each check, those of an ask together, no key twice in one
--       ask: its log (ways 0, 1), its hash (2), or its log and its hash (3)
-- ARGV  the worker; '' if nothing is told and nothing asked for is held. If it is named:
--         its lease in us, the epoch that it knows or '', how long in us what is held is not decided here
--         after a loss, the number of this call, for how many ms that is kept, how many things it tells,
--         for how long in us it has decided alone, how long in us what is held is not decided after that
--         if the registry was away for all;
--         for each of these: window in us, resolution in us, units spent, units that the worker holds in
--         all or -1;
--       then how many rules the checks have, and for each rule: limit, window in us, resolution in us,
--         way, units that an admission takes. Ways: 0 it is only counted, 1 it is charged, 2 it is held,
--         3 it is held beside a log; 4 more for a shadow, which refuses nothing and is charged for what
--         it would have admitted;
--       then for each ask: how many checks it has, requests that ask, and the number of each check's rule
-- Returns for each ask {how many of them are admitted, then for each of its checks
--                       remaining after them, us until remaining next grows, and of a shadow
--                       how many of the admitted it has room for};
--         if a worker is named at last {epoch, us until what is held is decided here again (text), word}.
--         Words: decided; settling (all is heard, nothing is decided); lost (the registry has lost what it
--         knew: nothing is heard or decided); stale (a later call of this worker was here before)

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
-- What is held by others may be given back at any time: who waits for that asks again after this time.
local HELD_AGAIN = 1000000
-- Calls with longer pauses between them do not show that the registry was there meanwhile.
local GAP = 300000

local function integer(number)
  return string.format('%.0f', number)
end

-- Returns stamp, count and total, or nil without an entry. An entry that is not ours, or a key of
-- another type, is deleted: its client's log is lost, but every decision is still made.
local function read(key, index)
  local entry = redis.pcall('LINDEX', key, index)
  if not entry then return nil end
  local stamp, count, total = string.match(type(entry) == 'string' and entry or '',
    '^(%d+) (%d+) (%d+)$')
  if stamp and #stamp <= 16 and #count <= 15 and #total <= 15 then
    return tonumber(stamp), tonumber(count), tonumber(total)
  end
  redis.call('DEL', key)
end

local function entry(stamp, count, total)
  return integer(stamp) .. ' ' .. integer(count) .. ' ' .. integer(total)
end

-- Drops entries that no longer count. Returns how much counts, the first stamp, and the last stamp,
-- count and total.
local function count(key, window, resolution, stamp)
  local first, first_count, first_total = read(key, 0)
  while first and first + window <= now do
    redis.call('LPOP', key)
    first, first_count, first_total = read(key, 0)
  end
  if not first then return 0 end
  local last, last_count, last_total = read(key, -1)
  if not last then return 0 end
  local used = last_total - first_total + first_count
  if last > stamp then
    -- The clock was set back: all admissions are older than now, so they count from now on.
    redis.call('DEL', key)
    redis.call('RPUSH', key, entry(stamp, used, used))
    redis.call('PEXPIRE', key, integer(math.ceil((window + resolution) / 1000) + 1000))
    return used, stamp, stamp, used, used
  end
  return used, first, last, last_count, last_total
end

-- Charges units to a log whose last stamp, count and total are given.
local function charge(key, window, resolution, stamp, units, last, last_count, last_total)
  local total = (last_total or 0) + units
  if last == stamp then
    redis.call('LSET', key, -1, entry(stamp, last_count + units, total))
  else
    redis.call('RPUSH', key, entry(stamp, units, total))
  end
  redis.call('PEXPIRE', key, integer(math.ceil((window + resolution) / 1000) + 1000))
  return total
end

-- Finds when no more than `most` is used, if more is. The end of the first entry makes too little room
-- then, so the first entry whose end makes enough is found.
local function grows(key, most, last_total)
  local low, high = 0, redis.call('LLEN', key) - 1
  while low < high do
    local middle = math.floor((low + high) / 2)
    local _, _, total = read(key, middle)
    if last_total - (total or last_total) <= most then high = middle else low = middle + 1 end
  end
  return (read(key, low))
end

local worker, lease = ARGV[1], 0

-- Returns what all workers hold, and what this one does. What a dead worker had reserved of a budget may
-- have been spent, so it counts for a window after its lease.
local function held(key, window)
  local names = redis.pcall('HKEYS', key)
  if names.err then
    redis.call('DEL', key)
    return 0, 0
  end
  if #names == 0 then return 0, 0 end
  local values = redis.call('HMGET', key, unpack(names))
  local all, own = 0, 0
  for i, name in ipairs(names) do
    local units, ends = string.match(values[i], '^(%d+) (%d+)$')
    if not units or #units > 15 or #ends > 16 or tonumber(ends) + window <= now then
      redis.call('HDEL', key, name)
    else
      if tonumber(ends) > now + lease then  -- the clock was set back
        redis.call('HSET', key, name, units .. ' ' .. integer(now + lease))
      end
      all = all + tonumber(units)
      if name == worker then own = tonumber(units) end
    end
  end
  return all, own
end

local function hold(key, window, units)
  if units > 0 then
    redis.call('HSET', key, worker, integer(units) .. ' ' .. integer(now + lease))
    redis.call('PEXPIRE', key, integer(math.ceil((window + lease) / 1000) + 1000))
  else
    redis.call('HDEL', key, worker)
  end
end

local key_at, arg_at = 0, 1
local state
if worker ~= '' then
  lease = tonumber(ARGV[2])
  local known, settling, call = ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
  local away, returning = tonumber(ARGV[8]), tonumber(ARGV[9])
  local kept = redis.pcall('HGET', KEYS[1], 'epoch')
  if type(kept) == 'table' then redis.call('DEL', KEYS[1]) end
  local epoch, decides, since, seen = string.match(type(kept) == 'string' and kept or '',
    '^(%d+) (%d+) (%d+) (%d+)$')
  local lost = known ~= '' and known ~= epoch
  decides, seen = tonumber(decides or 0), tonumber(seen or 0)
  -- Since when one call came soon after another, so that the registry was there for somebody.
  since = seen <= now and now - seen <= GAP and tonumber(since) or now
  if lost and decides <= now then
    decides = now + settling  -- the first that knew more than there is: now all tell what they know
  elseif away > 0 and now - since < away then
    decides = math.max(decides, now + returning)
  end
  decides = math.min(decides, now + settling)  -- the clock was set back
  epoch = epoch or integer(now)
  redis.call('HSET', KEYS[1], 'epoch',
    epoch .. ' ' .. integer(decides) .. ' ' .. integer(since) .. ' ' .. integer(now))
  local left = math.max(0, decides - now)
  state = {epoch, integer(left), left > 0 and 'settling' or 'decided'}
  if lost then
    state[3] = 'lost'
    return {state}
  end
  local last = redis.pcall('HGET', KEYS[2], 'call')
  if type(last) == 'table' then redis.call('DEL', KEYS[2]) end
  last = type(last) == 'string' and tonumber(last) or 0
  if call < last then
    state[3] = 'stale'
    return {state}
  end
  redis.call('HSET', KEYS[2], 'call', integer(call))
  redis.call('PEXPIRE', KEYS[2], ARGV[6])
  key_at, arg_at = 2, 9
  for _ = 1, tonumber(ARGV[7]) do
    local window, resolution = tonumber(ARGV[arg_at + 1]), tonumber(ARGV[arg_at + 2])
    local spent, holds = tonumber(ARGV[arg_at + 3]), tonumber(ARGV[arg_at + 4])
    if spent > 0 and call > last then
      local log = KEYS[key_at + 1]
      local stamp = math.ceil(now / resolution) * resolution
      local _, _, at, units, total = count(log, window, resolution, stamp)
      charge(log, window, resolution, stamp, spent, at, units, total)
    end
    if holds >= 0 then
      held(KEYS[key_at + 2], window)
      hold(KEYS[key_at + 2], window, holds)
    end
    key_at, arg_at = key_at + 2, arg_at + 4
  end
  if left > 0 then return {state} end
end

local rules = {}
for i = 1, tonumber(ARGV[arg_at + 1]) do
  local at = arg_at + i * 5 - 3
  local resolution, way = tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  rules[i] = {
    limit = tonumber(ARGV[at]), window = tonumber(ARGV[at + 1]), resolution = resolution,
    stamp = math.ceil(now / resolution) * resolution, need = tonumber(ARGV[at + 4]),
    way = way % 4, shadow = way >= 4,
  }
end
arg_at = arg_at + 1 + #rules * 5

local answers = {}
local counted = {}
while key_at < #KEYS do
  local checks, asking = tonumber(ARGV[arg_at + 1]), tonumber(ARGV[arg_at + 2])
  local admitted = asking
  for i = 1, checks do
    local rule = rules[tonumber(ARGV[arg_at + 2 + i])]
    local way, check = rule.way, {rule = rule, used = 0, all = 0}
    if way ~= 2 then
      key_at = key_at + 1
      check.log = KEYS[key_at]
      check.used, check.first, check.last, check.last_count, check.last_total =
        count(check.log, rule.window, rule.resolution, rule.stamp)
    end
    if way >= 2 then
      key_at = key_at + 1
      check.hash = KEYS[key_at]
      check.all, check.own = held(check.hash, rule.window)
    end
    local fits = math.max(0, math.floor((rule.limit - check.used - check.all) / rule.need))
    if way == 0 and fits > 0 then fits = asking end
    if not rule.shadow and fits < admitted then admitted = fits end
    check.fits = fits
    counted[i] = check
  end
  local answer = {admitted}
  for i = 1, checks do
    local check = counted[i]
    local rule, first = check.rule, check.first
    local way, need = rule.way, rule.need
    local units = math.min(admitted, check.fits) * need
    if units > 0 and way == 1 then
      check.last_total = charge(check.log, rule.window, rule.resolution, rule.stamp, units,
        check.last, check.last_count, check.last_total)
      check.used, first = check.used + units, first or rule.stamp
    elseif units > 0 and way >= 2 then
      hold(check.hash, rule.window, check.own + units)
      check.all = check.all + units
    end
    local free = rule.limit - check.all
    local remaining = math.max(0, free - check.used)
    local next_in = 0
    if remaining < need and check.hash and (free < need or not first) then
      next_in = HELD_AGAIN
    elseif first then
      -- An entry has at least 1, so the end of the first may be enough.
      if remaining < need and check.used > free - need + 1 then
        first = grows(check.log, free - need, check.last_total) or first
      end
      next_in = first + rule.window - now
    end
    answer[#answer + 1] = remaining
    answer[#answer + 1] = next_in
    if rule.shadow then answer[#answer + 1] = math.min(admitted, check.fits) end
  end
  answers[#answers + 1] = answer
  arg_at = arg_at + 2 + checks
end
if state then answers[#answers + 1] = state end
return answers
