-- Has wrk send a template's requests, each with an id and an address that no other one has and to a
-- route by chance, as `requests` in workloads.py does: wrk -s distinct.lua URL -- TEMPLATE-FILE RUN PAUSE-MS

local run, first
local count = 0
local routes = 1
local pieces, ids, addresses, numbers, most = {}, {}, {}, {}, {}

function init(arguments)
  local file = assert(io.open(arguments[1], "rb"))
  local template = file:read("*a")
  file:close()
  run, first = arguments[2], tonumber(arguments[2], 16)
  math.randomseed(first)
  local from = 1
  for at, marker, behind in template:gmatch("()({%l[%l%d ]*})()") do
    table.insert(pieces, template:sub(from, at - 1))
    table.insert(pieces, marker)
    local kind, many = marker:match("{(%l+) of (%d+)}")
    if kind then
      table.insert(numbers, #pieces)
      table.insert(most, tonumber(many))
      if kind == "route" then
        routes = tonumber(many)
      end
    else
      table.insert(marker == "{id}" and ids or addresses, #pieces)
    end
    from = behind
  end
  table.insert(pieces, template:sub(from))
  local pause_ms = tonumber(arguments[3])
  if pause_ms > 0 then
    -- A client's time to think, exponentially distributed; wrk takes whole milliseconds.
    function delay()
      return math.floor(0.5 - pause_ms * math.log(1 - math.random()))
    end
  end
end

function request()
  count = count + 1
  local id = string.format("%s%08x", run, count)
  for i = 1, #ids do
    pieces[ids[i]] = id
  end
  for i = 1, #addresses do
    pieces[addresses[i]] = address(first + count)
  end
  local route = math.random(0, routes - 1)
  for i = 1, #numbers do
    pieces[numbers[i]] = route % most[i]
  end
  return table.concat(pieces)
end

function address(number)
  local low = number % 65536
  return string.format(
    "100.%d.%d.%d", 64 + math.floor(number / 65536) % 64, math.floor(low / 256), low % 256
  )
end
