-- Changes the state of a split, if it is still the one that the caller knows.
-- ARGV: 1 id, 2 the revision that it is changed from, or '' for any, 3 the new state, JSON
-- Returns {1, revision, since}; {0, revision, since, state} where another one is in force; {0} where there is none
local id, expected, state = ARGV[1], ARGV[2], ARGV[3]
local revision, since, began, present = state_of(id)
if not revision then return {0} end
-- A call that is repeated because its answer was lost finds what it has made: no two calls have the same text.
if present == state then return {1, revision, integer(since)} end
if expected ~= '' and tonumber(expected) ~= revision then
  return {0, revision, integer(since), present}
end
keep(id, revision + 1, now, began, state)
forget_evidence(id)
return {1, revision + 1, integer(now)}
