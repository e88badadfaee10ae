-- One POST request, sent over and over by wrk: wrk … -H HEADER URL -- BODY_FILE
-- Prints one line that load.py reads.

function init(arguments)
  local file = assert(io.open(arguments[1], "rb"))
  wrk.method = "POST"
  wrk.body = file:read("*a")
  file:close()
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    "result %d %d %d %d %d %d\n",
    summary.requests,
    summary.duration,
    errors.connect + errors.read + errors.write + errors.timeout + errors.status,
    summary.bytes,
    latency:percentile(50),
    latency:percentile(99)
  ))
end
