curl http://localhost:8787/actions/openai.chat \
  -H "Authorization: Bearer $HOOKLINE_KEY" \
  -H "Content-Type: application/json" \
  -d '{"model": "sandbox", "items": [
        {"prompt": "Say hello to Ada."},
        {"prompt": "Say hello to Bob.", "temperature": 3},
        "Say hello to Eve."
      ]}'
