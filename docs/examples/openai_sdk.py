import os

from openai import OpenAI

client = OpenAI(base_url="http://localhost:8787/v1", api_key=os.environ["HOOKLINE_KEY"])
answer = client.chat.completions.create(
    model="sandbox",
    messages=[{"role": "user", "content": "Say hello to Ada."}],
)
print(answer.choices[0].message.content)
