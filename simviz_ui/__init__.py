"""What the pages share: cached networks and images, pickers, pictures. No mathematics."""
