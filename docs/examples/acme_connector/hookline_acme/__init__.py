"""The contacts of Acme CRM as actions."""

from pydantic import BaseModel, Field

from hookline import Connector

connector = Connector("acme", title="Acme CRM", base_url="https://api.acme.example/v2")


class FindContact(BaseModel):
    """Find one contact by e-mail address."""

    email: str = Field(title="E-mail", examples=["ada@example.com"])


class Contact(BaseModel):
    """A contact."""

    name: str
    phone: str | None = None


connector.endpoint(
    "find_contact", "GET", "/contacts/{email}", input=FindContact, output=Contact, read_only=True
)
