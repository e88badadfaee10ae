curl http://localhost:8787/actions/openai.chat \
  -H "Authorization: Bearer $HOOKLINE_KEY" \
  -H "Content-Type: application/json" \
  -d '{"model": "sandbox", "prompt": "Say hello to Ada."}'
