# Runs one private RabbitMQ node for the process that holds the other end of our standard input.
#
# A command is one line, and is answered by one line. When the input ends, that process is gone, however it
# died: everything started here is killed by its process id, and the folder is removed.
#
# From the environment: SCRIPTS (the folder of rabbitmq-server), FOLDER (the node's own), BRINGS_NAME_SERVER
# (empty: another node does), DESCRIPTOR_LIMIT (empty: none of its own), and all that the node itself reads.

node=
paused=
name_server=

is_running() {
    # `jobs` reaps what has ended; without it a child that is gone still looks alive to `kill -0`.
    [ -n "$node" ] && jobs >/dev/null && kill -0 "$node" 2>/dev/null
}

# Sends signal $1 to the node and waits for its end, with SIGKILL after 30 s.
end_node() {
    if is_running; then
        kill -"$1" "$node"
        tenths=300
        while [ "$tenths" -gt 0 ] && is_running; do
            sleep 0.1
            tenths=$((tenths - 1))
        done
        is_running && kill -KILL "$node"
        wait "$node" 2>/dev/null
    fi
    node=
}

finish() {
    trap '' TERM INT HUP
    if is_running; then
        # A stopped process dies of SIGKILL too, so nothing has to be continued first.
        kill -KILL "$node"
        wait "$node" 2>/dev/null
    fi
    if [ -n "$name_server" ]; then
        kill -KILL "$name_server" 2>/dev/null
        wait "$name_server" 2>/dev/null
    fi
    [ -n "$RPC_TESTS_KEEP" ] || rm -rf -- "$FOLDER"
    exit 0
}

# The node would start a name server of its own in the background if none ran, and leave it behind.
if [ -n "$BRINGS_NAME_SERVER" ]; then
    epmd -port "$ERL_EPMD_PORT" -address 127.0.0.1 </dev/null >>"$FOLDER/log/epmd" 2>&1 &
    name_server=$!
fi
trap finish TERM INT HUP

while read -r command; do
    case $command in
        start)
            # The variable makes the start script become the node, so that $! is the node's process id.
            # Otherwise the script stays between us and the node, and killing it would not kill the node.
            (
                [ -z "$DESCRIPTOR_LIMIT" ] || ulimit -n "$DESCRIPTOR_LIMIT"
                export RUNNING_UNDER_SYSTEMD=true
                exec "$SCRIPTS/rabbitmq-server"
            ) </dev/null >>"$FOLDER/log/output" 2>&1 &
            node=$!
            paused=
            echo "$node" ;;
        kill) end_node KILL; echo done ;;
        stop) end_node TERM; echo done ;;
        pause) kill -STOP "$node"; paused=yes; echo done ;;
        resume) kill -CONT "$node"; paused=; echo done ;;
        running)
            if ! is_running; then echo no; elif [ -n "$paused" ]; then echo paused; else echo yes; fi ;;
        *) echo "unknown command" ;;
    esac
done
finish
