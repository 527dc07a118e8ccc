"""What both HTTP functions share: requests and responses, routes, authentication."""
