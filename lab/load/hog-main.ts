// Keeps one processor busy until it is ended.
for (let count = 0; ; count += 1) Math.sqrt(count)
