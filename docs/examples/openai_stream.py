import os

from openai import OpenAI

client = OpenAI(base_url="http://localhost:8787/v1", api_key=os.environ["HOOKLINE_KEY"])
stream = client.chat.completions.create(
    model="sandbox",
    messages=[{"role": "user", "content": "Say hello to Ada."}],
    stream=True,
)
for chunk in stream:
    if chunk.choices and chunk.choices[0].delta.content:
        print(chunk.choices[0].delta.content, end="", flush=True)
print()
