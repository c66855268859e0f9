-- KEYS: the board.
if input.text == "" then
  redis.call("HDEL", KEYS[1], input.id)
else
  redis.call("HSET", KEYS[1], input.id, whole(now + input.ttlMs) .. " " .. input.text)
  keep(KEYS[1], input.ttlMs)
end
