curl http://localhost:8787/actions/openai.chat \
  -H "Authorization: Bearer $HOOKLINE_KEY" \
  --data-urlencode "model=sandbox" \
  --data-urlencode "prompt=Say hello to Ada." \
  --data-urlencode "temperature=0.7" \
  --data-urlencode "max_completion_tokens="
