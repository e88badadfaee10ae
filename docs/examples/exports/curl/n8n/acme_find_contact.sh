curl -X POST 'https://hooks.example.com/actions/acme.find_contact?profile=n8n' -H 'Content-Type: application/json' --data '{
  "email": "ada@example.com"
}'
