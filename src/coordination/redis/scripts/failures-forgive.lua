-- KEYS: for each subject its list's tallies by name, and names by their last failure.
for i, subject in ipairs(input.subjects) do
  local tallies, names = KEYS[2 * i - 1], KEYS[2 * i]
  local count = string.match(redis.call("HGET", tallies, subject.name) or "", "^%S+")
  if subject.isCleared then
    redis.call("HDEL", tallies, subject.name)
    redis.call("ZREM", names, subject.name)
  elseif count then
    redis.call("HSET", tallies, subject.name, whole(math.max(0, count - 1)) .. " 0")
  end
end
