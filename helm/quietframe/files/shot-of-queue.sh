# The entry is one line: the noisy frames, the results, the frames.
read -r input output frames rest </task/entry || true
if [ -z "$input" ]; then
  echo 'The queue is empty: another pod has taken the entry'
  exit 0
fi
if [ -z "$frames" ] || [ -n "$rest" ]; then
  echo "Expected INPUT OUTPUT FRAMES for an entry of the queue but received \"$(cat /task/entry)\"" >&2
  exit 2
fi
exec quietframe sequence "$input" --output "$output" --frames "$frames" "$@"
