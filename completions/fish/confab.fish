# Completion of confab(1) for fish.  Commands and options are those that
# `confab [COMMAND] --help` shows.

# The command word on the line, if any.
function __confab_command
    set -l commands (confab --help 2>/dev/null |
        sed -nE '/^Commands:/,/^$/s/^  ([a-z]+) .*/\1/p')
    set -l valued (confab --help 2>/dev/null |
        sed -nE 's/^ +((-[A-Za-z]), )?(--[a-z-]+) [^ ].*$/\2\n\3/p')
    set -l skip 0
    for word in (commandline -opc)[2..-1]
        if test $skip = 1
            set skip 0
        else if contains -- $word $valued
            set skip 1
        else if contains -- $word $commands
            echo $word
            return
        end
    end
end

function __confab_commands
    confab --help 2>/dev/null | sed -nE \
        '/^Commands:/,/^$/s/^  ([a-z]+) +([^ ].*  )?(.*)$/\1\t\3/p'
end

function __confab_options
    confab (__confab_command) --help 2>/dev/null | sed -nE \
        's/^ +(-[A-Za-z], )?(--[a-z-]+)( [^ ]+)* {2,}(.*)$/\2\t\4/p'
end

function __confab_models
    confab models --json 2>/dev/null | sed -nE 's/^\{"name":"([^"]*)".*/\1/p'
end

function __confab_conversations
    confab list 2>/dev/null | sed -nE \
        's/^([a-z0-9]+) +[^ ]+ +[^ ]+ +[0-9]+ +(.*)$/\1\t\2/p'
end

function __confab_needs_command
    test -z "$(__confab_command)"
end

function __confab_is
    contains -- "$(__confab_command)" $argv
end

set -l types f32 f16 bf16 q8_0 q6_k q5_k_m q5_k_s q5_1 q5_0 q4_k_m q4_k_s \
    q4_k_pure q4_1 q4_0 iq4_nl iq4_xs q3_k_m q3_k_s q2_k

complete -c confab -f
complete -c confab -n __confab_needs_command -a '(__confab_commands)'
complete -c confab -n 'string match -q -- "-*" (commandline -ct)' -a '(__confab_options)'
complete -c confab -n '__confab_is show rm rename export' -k -a '(__confab_conversations)'
complete -c confab -n '__confab_is info' -F -a '(__confab_models)'
complete -c confab -n '__confab_is models' -a 'rm (__confab_models)'
complete -c confab -n '__confab_is import quantize' -F
complete -c confab -s m -l model -r -F -a '(__confab_models)'
complete -c confab -n __confab_needs_command -s r -l resume -x -k -a 'last (__confab_conversations)'
complete -c confab -l config -r -F
complete -c confab -n '__confab_is export' -s o -l output -r -F
complete -c confab -n '__confab_is export' -l format -x -a 'md json jsonl html'
complete -c confab -n '__confab_is quantize' -l type -x -a "$types"
complete -c confab -l quant -x -a "off $types"
complete -c confab -l kv-type -x -a 'f16 bf16 q8_0 f32'
complete -c confab -l think -x -a 'on off'
