"""What pages made the browser send in one visit or phase, beside what they made it send in another."""
