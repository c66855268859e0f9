-- KEYS: for each lease itself and the places of its scopes.
local at = 1
for _, lease in ipairs(input.leases) do
  redis.call("PEXPIRE", KEYS[at], whole(input.ttlMs))
  at = at + 1
  for _ in ipairs(lease.places) do
    redis.call("ZADD", KEYS[at], whole(now + input.ttlMs), lease.lease)
    redis.call("PEXPIRE", KEYS[at], whole(2 * input.ttlMs))
    at = at + 1
  end
end
