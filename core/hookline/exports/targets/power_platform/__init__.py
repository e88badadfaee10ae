"""The Power Platform export: a custom connector in Swagger 2.0."""
