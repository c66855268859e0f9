-- Before every script. ARGV: the input, the time where it is not this server's, and what else the script is told.
local input = cjson.decode(ARGV[1])
local now = tonumber(ARGV[2])
if now == nil then
  local time = redis.call("TIME")
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

-- Numbers up to 2^53, which tostring would round.
local function whole(number)
  return string.format("%.0f", number)
end

-- A hash of counts: used since, of a minute that began with its first use.
local minute = 60000
local function used(amount, since)
  amount, since = tonumber(amount), tonumber(since)
  if since == nil then return 0, nil end
  -- A clock that is set back must not make a minute longer.
  if now < since then since = now end
  if now - since >= minute then return 0, nil end
  return amount, since
end

local function keep(key, milliseconds)
  if redis.call("PTTL", key) < milliseconds then redis.call("PEXPIRE", key, whole(milliseconds)) end
end
