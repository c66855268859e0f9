-- KEYS: the board. Answers ids and texts in turn; what is over is taken away.
local notes = redis.call("HGETALL", KEYS[1])
local alive = {}
for i = 1, #notes, 2 do
  local until_, text = string.match(notes[i + 1], "^(%S+) (.*)$")
  if tonumber(until_) > now then
    alive[#alive + 1] = notes[i]
    alive[#alive + 1] = text
  else
    redis.call("HDEL", KEYS[1], notes[i])
  end
end
return alive
