"""What splits the traffic of users between versions, and judges how they did."""
