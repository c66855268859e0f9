-- KEYS: for each subject its list's tallies by name, and names by their last failure. Answers how long to wait.
local counts, waitMs = {}, 0
for i, subject in ipairs(input.subjects) do
  local tallies, names = KEYS[2 * i - 1], KEYS[2 * i]
  local at = tonumber(redis.call("ZSCORE", names, subject.name))
  local count, till = string.match(redis.call("HGET", tallies, subject.name) or "0 0", "^(%S+) (%S+)$")
  counts[i] = at and now - at <= input.rememberedMs and tonumber(count) or 0
  -- A clock may have been set back.
  waitMs = math.max(waitMs, math.min(till - now, subject.longestMs))
end
if waitMs > 0 then return waitMs end

local function forgetOldest(tallies, names)
  -- Two with each new one: more than come, or those whose time is over would pile up.
  local oldest = redis.call("ZRANGE", names, 0, 1, "WITHSCORES")
  for at = 1, #oldest, 2 do
    if redis.call("ZCARD", names) > input.mostNames or now - oldest[at + 1] > input.rememberedMs then
      redis.call("HDEL", tallies, oldest[at])
      redis.call("ZREM", names, oldest[at])
    end
  end
end

for i, subject in ipairs(input.subjects) do
  local tallies, names = KEYS[2 * i - 1], KEYS[2 * i]
  -- A server that is full may have let one of them go.
  if redis.call("HLEN", tallies) ~= redis.call("ZCARD", names) then redis.call("UNLINK", tallies, names) end
  local count = counts[i] + 1
  local delayMs = count <= subject.free and 0 or math.min(subject.longestMs, 1000 * 2 ^ (count - subject.free - 1))
  redis.call("HSET", tallies, subject.name, whole(count) .. " " .. whole(now + delayMs))
  redis.call("ZADD", names, whole(now), subject.name)
  forgetOldest(tallies, names)
  redis.call("PEXPIRE", tallies, whole(input.rememberedMs))
  redis.call("PEXPIRE", names, whole(input.rememberedMs))
end
return waitMs
