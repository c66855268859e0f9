-- KEYS: texts by id, ids by the end of their time. Answers the text.
local till = redis.call("ZSCORE", KEYS[2], input.id)
return till and tonumber(till) > now and redis.call("HGET", KEYS[1], input.id)
