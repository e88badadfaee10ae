# acme.find_contact: Find contact
# HOOKLINE_KEY holds a key of the gateway.
curl -X POST https://hooks.example.com/actions/acme.find_contact -H "Authorization: Bearer $HOOKLINE_KEY" -H 'Content-Type: application/json' --data '{
  "email": "ada@example.com"
}'
