"""One model: what it was made from and by, how it was judged, what differs from another one."""
