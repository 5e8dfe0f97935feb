"""Music that follows the picture: what happens in a film, and the beats that meet it."""
